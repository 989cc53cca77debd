// Has a job fail, watches it as a client would, and puts everything back.
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using DotNet.Testcontainers.Builders;

await using var emulator = new ContainerBuilder("gpserver-emulator")
    .WithResourceMapping(new DirectoryInfo("../../services"), "/services")
    .WithCommand("--services", "/services")
    .WithPortBinding(6080, true)
    .WithWaitStrategy(Wait.ForUnixContainer().UntilHttpRequestIsSucceeded(it => it.ForPort(6080).ForPath("/readyz")))
    .Build();
await emulator.StartAsync();
using var http = new HttpClient
{
    BaseAddress = new UriBuilder("http", emulator.Hostname, emulator.GetMappedPublicPort(6080)).Uri,
};

var message = new { type = "error", text = "ERROR 000210: Cannot create output" };
var timeline = new { task = "BufferPoints", steps = new[] { new { status = "failed", messages = new[] { message } } } };
(await http.PutAsJsonAsync("/emulator/scenario", new { timelines = new[] { timeline } })).EnsureSuccessStatusCode();

const string task = "/arcgis/rest/services/Proximity/GPServer/BufferPoints";
var form = new Dictionary<string, string> { ["f"] = "json", ["Input_Features"] = """{"features": []}""" };
var submitted = await http.PostAsync($"{task}/submitJob", new FormUrlEncodedContent(form));
var id = (string?)(await submitted.Content.ReadFromJsonAsync<JsonObject>())!["jobId"];
JsonObject job;
do
{
    await Task.Delay(50);
    job = (await http.GetFromJsonAsync<JsonObject>($"{task}/jobs/{id}?f=json"))!;
} while ((string?)job["jobStatus"] is "esriJobSubmitted" or "esriJobWaiting" or "esriJobExecuting");
if ((string?)job["jobStatus"] != "esriJobFailed" || !job.ToJsonString().Contains("ERROR 000210"))
{
    throw new InvalidOperationException(job.ToJsonString());
}
(await http.PostAsync("/emulator/reset", null)).EnsureSuccessStatusCode();
