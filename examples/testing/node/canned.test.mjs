// Story 5: the page comes before the toolbox.
// In production the front end waits for weeks until the toolbox is written, published and filled with data.
// Here the task is its own description, recorded or agreed upon, and a folder of results: no Python, no toolbox.
// The client should build its form of the description, and show what the result holds.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Job, request } from "@esri/arcgis-rest-request";
import { startEmulator } from "./emulator.mjs";

let gp, url;

before(async () => {
  gp = await startEmulator(["--services", fileURLToPath(new URL("../services", import.meta.url))]);
  url = `${gp.services}/Proximity/GPServer/BufferPoints`;
});
after(() => gp?.stop());

/** What the page shows: a label and a value for each input. */
async function form() {
  const { parameters } = await request(url);
  return parameters
    .filter(({ direction }) => direction === "esriGPParameterDirectionInput")
    .map(({ displayName, dataType, defaultValue }) => (
      dataType === "GPLinearUnit" ? `${displayName}: ${defaultValue.distance} ${defaultValue.units}` : displayName
    ));
}

/** What the page draws: the rings of each polygon. */
async function buffer(features, distance) {
  const params = { Input_Features: { features }, Distance: { distance, units: "esriMeters" } };
  const job = await Job.submitJob({ url, params, pollingRate: 20, startMonitoring: true });
  const { value } = await job.getResult("Output_Polygons").finally(() => job.stopEventMonitoring());
  return value.features.map(({ attributes, geometry }) => [attributes.name, geometry.rings.length]);
}

test("the form has what the task takes", async () => {
  assert.deepEqual(await form(), ["Input Features", "Distance: 100 esriMeters"]);
});

test("a polygon is drawn, and the distance is sent as the user typed it", async () => {
  const drawn = await buffer([{ geometry: { x: 24.94, y: 60.17 } }], 250);
  assert.deepEqual(drawn[0], ["Helsinki", 1]);
  const { requests } = await gp.requests();
  const [{ parameters }] = requests.filter(({ operation }) => operation === "submit");
  assert.equal(JSON.parse(parameters.Distance).distance, 250);
});
