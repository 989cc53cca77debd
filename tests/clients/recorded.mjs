// Runs jobs of a survey with @esri/arcgis-rest-request, and prints what the client made of them, as JSON.
// Usage: node recorded.mjs <services URL> <token>
import { Job, request } from "@esri/arcgis-rest-request";

const [services, token] = process.argv.slice(2);
const places = {
  geometryType: "esriGeometryPoint",
  spatialReference: { wkid: 4326 },
  features: [{ geometry: { x: 7.5, y: 51.25 }, attributes: { TENANT: "Ada Lovelace", name: "north" } }],
};
const submit = (task, params) => Job.submitJob({
  url: `${services}/Survey/GPServer/${task}`, params, authentication: token, pollingRate: 50,
});

const task = await request(`${services}/Survey/GPServer/Mark`, { authentication: token });
const job = await submit("Mark", { Places: places, Label: "seen" });
const info = await job.waitForCompletion();
const output = await job.getResult("Marked");
const failed = await submit("Refuse", { Reason: "The river has no water" });
const refusal = await failed.getAllResults().catch(({ name, jobInfo }) => ({ name, info: jobInfo }));
console.log(JSON.stringify({ help: task.helpUrl, parameters: task.parameters, job: job.id, info, output, refusal }));
