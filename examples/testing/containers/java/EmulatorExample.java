import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.utility.DockerImageName;
import org.testcontainers.utility.MountableFile;

/** Has a job fail, watches it as a client would, and puts everything back. */
public class EmulatorExample {
    static final HttpClient HTTP = HttpClient.newHttpClient();
    static final String JSON = "application/json", FORM = "application/x-www-form-urlencoded";

    static String send(String method, String url, String type, String body) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(url)).header("Content-Type", type);
        var answer = HTTP.send(request.method(method, BodyPublishers.ofString(body)).build(), BodyHandlers.ofString());
        if (answer.statusCode() >= 300) throw new IllegalStateException(url + ": " + answer.body());
        return answer.body();
    }

    public static void main(String[] arguments) throws Exception {
        try (GenericContainer<?> emulator = new GenericContainer<>(DockerImageName.parse("gpserver-emulator"))) {
            emulator.withCopyFileToContainer(MountableFile.forHostPath("../../services"), "/services")
                .withCommand("--services", "/services")
                .withExposedPorts(6080)
                .waitingFor(Wait.forHttp("/readyz").forPort(6080))
                .start();
            var url = "http://" + emulator.getHost() + ":" + emulator.getMappedPort(6080);
            send("PUT", url + "/emulator/scenario", JSON, """
                {"timelines": [{"task": "BufferPoints", "steps": [
                  {"status": "failed", "messages": [{"type": "error", "text": "ERROR 000210: Cannot create output"}]}]}]}
                """);
            var task = url + "/arcgis/rest/services/Proximity/GPServer/BufferPoints";
            var submitted = send("POST", task + "/submitJob", FORM, "f=json&Input_Features=%7B%22features%22%3A%5B%5D%7D");
            var job = task + "/jobs/" + submitted.replaceAll(".*\"jobId\"\\s*:\\s*\"(\\w+)\".*", "$1");
            String state;
            do {
                Thread.sleep(50);
                state = send("POST", job, FORM, "f=json");
            } while (state.matches("(?s).*esriJob(Submitted|Waiting|Executing).*"));
            if (!state.contains("esriJobFailed") || !state.contains("ERROR 000210")) throw new AssertionError(state);
            send("POST", url + "/emulator/reset", JSON, "");
        }
    }
}
