// For the pages: runs every scenario of a page and leaves what came of them in `window.said`, which browser.mjs prints.
window.services = `${new URLSearchParams(location.search).get("server")}/arcgis/rest/services`;
window.places = fetch("/examples/data/populated_places.geojson").then((answer) => answer.json());

window.runAll = async function (scenarios) {
  const said = {};
  for (const [name, scenario] of Object.entries(scenarios)) {
    said[name] = await scenario().catch((error) => ({ thrown: error.stack ?? JSON.stringify(error) }));
  }
  window.said = said;
};
