import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Job } from "@esri/arcgis-rest-request";
import { GenericContainer, Wait } from "testcontainers";

const source = fileURLToPath(new URL("../../services", import.meta.url));
const steps = [{ status: "failed", messages: [{ type: "error", text: "ERROR 000210: Cannot create output" }] }];
const point = { features: [{ geometry: { x: 24.94, y: 60.17 } }] };
let emulator, url;

before(async () => {
  emulator = await new GenericContainer("gpserver-emulator")
    .withCopyDirectoriesToContainer([{ source, target: "/services" }])
    .withCommand(["--services", "/services"])
    .withExposedPorts(6080)
    .withWaitStrategy(Wait.forHttp("/readyz", 6080))
    .start();
  url = `http://${emulator.getHost()}:${emulator.getMappedPort(6080)}`;
});
beforeEach(() => fetch(`${url}/emulator/reset`, { method: "POST" }));
after(() => emulator?.stop());

const buffer = () => Job.submitJob({
  url: `${url}/arcgis/rest/services/Proximity/GPServer/BufferPoints`,
  params: { Input_Features: point },
  pollingRate: 50,
});

test("the recorded result is given", async () => {
  const { value } = await (await buffer()).getResult("Output_Polygons");
  assert.equal(value.features[0].attributes.name, "Helsinki");
});

test("a job that fails rejects, and says why", async () => {
  const body = JSON.stringify({ timelines: [{ task: "BufferPoints", steps }] });
  const headers = { "content-type": "application/json" };
  const taken = await fetch(`${url}/emulator/scenario`, { method: "PUT", headers, body });
  assert.ok(taken.ok, await taken.text());
  await assert.rejects(async () => (await buffer()).getResult("Output_Polygons"), ({ jobInfo }) =>
    jobInfo.messages.some(({ description }) => description.startsWith("ERROR 000210")));
});
