// Buffers the populated places with ArcGIS REST JS, in Node.js 18 or newer.
// Usage: npm install && node buffer.mjs [server, default http://127.0.0.1:6080]
import { readFile } from "node:fs/promises";
import { Job } from "@esri/arcgis-rest-request";

const server = process.argv[2] ?? "http://127.0.0.1:6080";
const places = JSON.parse(await readFile(new URL("../data/populated_places.geojson", import.meta.url)));

// BufferPlain is Buffer without a map of its results: this client cannot ask for the features instead of the map.
const job = await Job.submitJob({
  url: `${server}/arcgis/rest/services/BufferPlain/GPServer/BufferPoints`,
  params: { Input_Features: places, Distance: { distance: 10, units: "esriKilometers" } },
});
console.log(job.jobUrl);

const { messages } = await job.waitForCompletion(); // a failed job throws an error with its messages
for (const { description } of messages) console.log(`  ${description}`);

const { value: { features } } = await job.getResult("Output_Polygons");
console.log(`${features.length} polygons, the first one around ${features[0].attributes.name}`);
