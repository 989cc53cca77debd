// Runs scenarios of @esri/arcgis-rest-request that signs in by name and password; prints what came of each, as JSON.
// Usage: node sign_in.mjs <services URL>
import { ArcGISIdentityManager, Job, request } from "@esri/arcgis-rest-request";

const [services] = process.argv.slice(2);
const url = `${services}/Secure/Secret/GPServer/EchoSecret/submitJob`;
const manager = (username, password) => new ArcGISIdentityManager({ username, password, server: services }).refreshCredentials();

async function echo(options) {
  const job = await Job.submitJob({ url, params: { Text: "hello" }, ...options });
  return (await job.getResult("Said")).value;
}
const rejection = (promise) => promise.then(
  () => { throw new Error("it should have been rejected"); },
  ({ name, message, code }) => ({ name, message, code }),
);

const scenarios = {
  async manager() {
    return echo({ authentication: await manager("ann", "nna") });
  },
  async hiddenToken() {
    return echo({ authentication: await manager("ann", "nna"), hideToken: true });
  },
  async longest() {
    const asked = { username: "ann", password: "nna", expiration: 20160, client: "referer", referer: "@esri/arcgis-rest-js" };
    const { token, expires } = await request(`${services.replace("/rest/services", "")}/tokens/generateToken`, { params: asked });
    const { tasks } = await request(`${services}/Secure/Secret/GPServer`, { params: { token } });
    return { tasks: tasks.length, hours: (expires - Date.now()) / 3600e3 };
  },
  async jobOfAnother() {
    const job = await Job.submitJob({ url, params: {}, authentication: await manager("ann", "nna") });
    await job.waitForCompletion();
    return rejection(request(job.jobUrl, { authentication: await manager("bob", "bob") }));
  },
  async wrongPassword() {
    return rejection(manager("ann", "wrong"));
  },
  async noPassword() {
    return rejection(echo({}));
  },
};

const said = await Promise.all(Object.entries(scenarios).map(async ([name, scenario]) => (
  [name, await scenario().catch((error) => ({ thrown: error.stack }))]
)));
console.log(JSON.stringify(Object.fromEntries(said)));
