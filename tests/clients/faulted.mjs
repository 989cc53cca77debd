// Runs one job of each service with @esri/arcgis-rest-request, all at once; prints what came of each, as JSON.
// Usage: node faulted.mjs <services URL> <service>...
import { Job, JOB_STATUSES } from "@esri/arcgis-rest-request";

const [services, ...names] = process.argv.slice(2);
const PATIENCE = 3; // errors in a row after which a user would give up; the client itself never does

const outcome = async (name) => {
  const errors = [];
  try {
    const url = `${services}/${name}/GPServer/Double`;
    const job = await Job.submitJob({ url, params: { Number: 2 }, pollingRate: 20 });
    const endless = new Promise((resolve) => {
      job.on(JOB_STATUSES.Error, ({ name, code }) => {
        errors.push(code ?? name);
        if (errors.length === PATIENCE) {
          resolve({ polling: job.isMonitoring, errors: [...errors] }); // more polls are under way
          job.stopEventMonitoring();
        }
      });
    });
    const done = job.getResult("Output").then(({ value }) => ({ value, errors }));
    return await Promise.race([done, endless]);
  } catch ({ name, code, message, cause }) {
    return { name, code, message, cause: cause?.code, errors };
  }
};

const outcomes = await Promise.all(names.map(async (name) => [name, await outcome(name)]));
console.log(JSON.stringify(Object.fromEntries(outcomes)));
process.exit(); // what still polls would keep the process
