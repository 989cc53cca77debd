// Runs a job with @esri/arcgis-rest-request as its users do, and prints the id of it, as JSON.
// Usage: node noted.mjs <URL of a task>
import { Job } from "@esri/arcgis-rest-request";

const [url] = process.argv.slice(2);
const params = { Distance: { distance: 5, units: "esriMeters" }, Name: "Straße & Co", Dissolve: true };
const job = await Job.submitJob({ url, params, pollingRate: 20 });
const output = await job.getResult("Output");
console.log(JSON.stringify({ job: job.id, output }));
