// Starts `gpserver emulate` beside the tests of a client: const gp = await startEmulator(); ... await gp.stop();
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** What the emulator says once it is ready, as one line of JSON; other lines are read and dropped. */
function ready(emulator) {
  return new Promise((resolve, reject) => {
    let errors = "";
    emulator.stderr.on("data", (text) => { errors = (errors + text).slice(-4000); });
    emulator.on("error", (error) => reject(new Error(`gpserver cannot be started: ${error.message}`)));
    emulator.on("exit", (code) => reject(new Error(`gpserver ended with ${code} before it was ready.\n${errors}`)));
    createInterface({ input: emulator.stdout }).on("line", (line) => {
      const said = line.startsWith("{") ? JSON.parse(line) : {};
      if (said.ready) resolve(said);
    });
  });
}

/**
 * @param {string[]} options What `gpserver emulate` takes, such as ["--services", "services"].
 * @param {string} command Where gpserver is.
 */
export async function startEmulator(options = [], command = process.env.GPSERVER ?? "gpserver") {
  const emulator = spawn(command, ["emulate", "--port", "0", ...options], { stdio: ["ignore", "pipe", "pipe"] });
  const end = () => emulator.kill();
  process.once("exit", end); // a test runner that gives up leaves no server behind
  const { url } = await ready(emulator).catch((error) => { end(); throw error; });
  const ask = async (path, method = "GET", body = undefined) => {
    const answer = await fetch(`${url}/emulator/${path}`, {
      method, body: body && JSON.stringify(body), headers: body && { "content-type": "application/json" },
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} /emulator/${path}: ${answer.status} ${text}`);
    return text && JSON.parse(text);
  };
  return {
    url,
    services: `${url}/arcgis/rest/services`,
    reset: () => ask("reset", "POST"),
    scenario: (scenario) => ask("scenario", "PUT", scenario),
    requests: () => ask("requests"),
    async stop() {
      process.off("exit", end);
      if (emulator.exitCode !== null || emulator.signalCode !== null) return;
      emulator.kill();
      await once(emulator, "exit");
    },
  };
}
