// For the pages with maps: a job that draws 100 km around three cities, and the window that every page shows of it.
window.center = [1_000_000, 6_050_000]; // metres of Web Mercator
window.resolution = 2 * Math.PI * 6_378_137 / 256 / 2 ** 5; // metres of a pixel at level 5 of web maps

window.cities = places.then(({ features }) => ({
  geometryType: "esriGeometryPoint",
  spatialReference: { wkid: 4326 },
  features: features
    .filter(({ properties: { name } }) => ["Berlin", "Paris", "Rome"].includes(name))
    .map(({ geometry: { coordinates: [x, y] }, properties }) => ({ geometry: { x, y }, attributes: properties })),
}));

/** The URL of the map of a finished job, for clients that do not submit jobs themselves. */
window.mapOfJob = async function () {
  const task = `${services}/Buffer/GPServer/BufferPoints`;
  const distance = { distance: 100, units: "esriKilometers" };
  const body = new URLSearchParams({
    Input_Features: JSON.stringify(await cities), Distance: JSON.stringify(distance), f: "json",
  });
  let job = await fetch(`${task}/submitJob`, { method: "POST", body }).then((answer) => answer.json());
  while (job.jobStatus !== "esriJobSucceeded") {
    await new Promise((resolve) => { setTimeout(resolve, 200); });
    job = await fetch(`${task}/jobs/${job.jobId}?f=json`).then((answer) => answer.json());
  }
  return `${services}/Buffer/MapServer/jobs/${job.jobId}`;
};

performance.setResourceTimingBufferSize(10_000); // a browser remembers 250 otherwise

/** How often the page asked for URLs with a text. */
window.asked = (text) => performance.getEntriesByType("resource").filter(({ name }) => name.includes(text)).length;
