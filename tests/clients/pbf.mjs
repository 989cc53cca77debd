// Reads Esri protocol buffers with Esri's own decoder inside @arcgis/core, and with arcgis-pbf-parser; prints what
// both found in each, as JSON.
// Usage: node pbf.mjs <file of a protocol buffer> ...
import { readFile } from "node:fs/promises";
import decodeToGeoJSON from "arcgis-pbf-parser";
import { parsePBFFeatureQuery } from "@arcgis/core/rest/query/operations/pbfQueryUtils.js";
import { JSONFeatureSetParserContext } from "@arcgis/core/rest/query/operations/pbfJSONFeatureSet.js";

const read = async (file) => {
  const bytes = await readFile(file);
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const context = new JSONFeatureSetParserContext({ applyTransform: true });
  const esri = parsePBFFeatureQuery(buffer, context);
  return { esri, parser: decodeToGeoJSON(new Uint8Array(buffer)) };
};

console.log(JSON.stringify(await Promise.all(process.argv.slice(2).map(read))));
