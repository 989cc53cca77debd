// Runs one job of each service with @esri/arcgis-rest-request, all at once; prints what came of each, as JSON.
// Usage: node quirky.mjs <services URL> <service>...
import { Job, JOB_STATUSES } from "@esri/arcgis-rest-request";

const [services, ...names] = process.argv.slice(2);
const PATIENCE = 10; // polls without a word that the client knows, after which a user would give up
const points = { features: [1, 2, 3].map((x) => ({ geometry: { x, y: x } })), spatialReference: { wkid: 4326 } };

const begin = async (name) => {
  const options = { url: `${services}/${name}/GPServer/Same`, params: { Points: points } };
  return Job.submitJob({ ...options, pollingRate: 20, startMonitoring: true });
};

/** What a user gets of a job, or that he waits for ever. */
const end = async (job) => {
  const lost = new Promise((resolve) => {
    let unknown = 0;
    job.on(JOB_STATUSES.Status, ({ status }) => {
      unknown += status === undefined;
      if (unknown === PATIENCE) resolve({ polling: job.isMonitoring });
    });
  });
  const done = job.getResult("Output").then(
    ({ value }) => ({ features: value.features.length, exceeded: value.exceededTransferLimit }),
    ({ name, code, jobInfo }) => ({ name, code, status: jobInfo?.status }),
  );
  const outcome = await Promise.race([done, lost]);
  job.stopEventMonitoring();
  return outcome;
};

const release = ({ id }) => fetch(new URL(`/emulator/jobs/${id}/release`, services), { method: "POST" });

const acts = {
  async Cancel(name) {
    const job = await begin(name);
    const refused = await job.cancelJob().catch(({ code }) => code);
    await release(job);
    return { refused, ...await end(job) };
  },
  async Instances(name) {
    const [first, second] = [await begin(name), await begin(name)];
    await new Promise((resolve) => { second.once(JOB_STATUSES.Waiting, resolve); });
    await release(first);
    await end(first);
    return { waited: true, ...await end(second) };
  },
  async New(name) {
    const job = await begin(name);
    await new Promise((resolve) => { job.once(JOB_STATUSES.New, resolve); });
    return { began: JOB_STATUSES.New, ...await end(job) };
  },
};
const run = async (name) => [name, await (acts[name] ?? (async () => end(await begin(name))))(name)];
console.log(JSON.stringify(Object.fromEntries(await Promise.all(names.map(run)))));
process.exit(); // what still polls would keep the process
