// Koop with the features of one GeoJSON file in memory, at /layer/rest/services/FeatureServer/0.
// Usage: node server.mjs <file>; prints its port when it listens.
import { readFileSync } from "node:fs";
import Koop from "@koopjs/koop-core";

const { features } = JSON.parse(readFileSync(process.argv[2]));

class Model {
  async getData() {
    // Koop marks the metadata of an answer that was cut: every answer has its own.
    const metadata = { name: "layer", idField: "OBJECTID", geometryType: "Polygon", maxRecordCount: features.length };
    return { type: "FeatureCollection", features, metadata };
  }
}

const koop = new Koop({ logLevel: "error" });
koop.register({ type: "provider", name: "layer", disableIdParam: true, Model });
const server = koop.server.listen(0, "127.0.0.1", () => console.log(server.address().port));
