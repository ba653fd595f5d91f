package slipway

import com.cloudbees.groovy.cps.NonCPS
import groovy.json.JsonOutput

/**
 * Airflow's public REST API, as far as the step uses it. Runs on the controller, with the JDK's own HTTP client.
 *
 * A pipeline is written to disk while it waits: the token is left out of that, and the password never comes here
 * but as an argument.
 */
class Airflow implements Serializable {
    private static final long serialVersionUID = 1L
    private static final int CONNECT_MILLIS = 5000
    private static final int READ_MILLIS = 30000
    private static final int TRIES = 3

    final String url
    private transient String token

    Airflow(String url) {
        this.url = url.endsWith('/') ? url.substring(0, url.length() - 1) : url
    }

    /** Returns the JSON at a path of {@code /api/v2}, or null where there is nothing (404). */
    @NonCPS
    Map get(Login login, String path) {
        Answer answer = retried(login, 'GET', path, null)
        return answer.status == 404 ? null : answer.json('GET', path)
    }

    /** Starts a run; returns null when the DAG has one of this id (409). */
    @NonCPS
    Map start(Login login, String dagId, Map body) {
        String path = "/dags/${dagId}/dagRuns".toString()
        Answer answer = retried(login, 'POST', path, body)
        return answer.status == 409 ? null : answer.json('POST', path)
    }

    /** Asks again where Airflow itself fails: what is sent twice has the same id, and is done once. */
    @NonCPS
    private Answer retried(Login login, String method, String path, Map body) {
        for (int number = 1; ; number++) {
            try {
                Answer answer = authorized(login, method, path, body)
                if (answer.status < 500 || number == TRIES) {
                    return answer
                }
            } catch (IOException away) {
                if (number == TRIES) {
                    throw new AwayException("no answer from Airflow at ${url} (${away.message}). Check AIRFLOW_URL.")
                }
            }
            Thread.sleep(300L * number)
        }
    }

    /** Logs in with the first request, and anew when the token has expired. */
    @NonCPS
    private Answer authorized(Login login, String method, String path, Map body) {
        boolean fresh = token == null
        if (fresh) {
            token = newToken(login)
        }
        Answer answer = exchange(method, "${url}/api/v2${path}", body, token)
        if (answer.status == 401 && !fresh) {
            token = newToken(login)
            answer = exchange(method, "${url}/api/v2${path}", body, token)
        }
        return answer
    }

    @NonCPS
    private String newToken(Login login) {
        Answer answer = exchange('POST', "${url}/auth/token", [username: login.user, password: login.password], null)
        if (answer.status == 401 || answer.status == 403) {
            throw new SlipwayException('Airflow refuses this login. Check the credential: a user name and password.')
        }
        return answer.json('POST', '/auth/token').get('access_token') as String
    }

    @NonCPS
    private Answer exchange(String method, String address, Map body, String bearer) {
        HttpURLConnection connection = (HttpURLConnection) new URL(address).openConnection()
        connection.requestMethod = method
        connection.connectTimeout = CONNECT_MILLIS
        connection.readTimeout = READ_MILLIS
        connection.instanceFollowRedirects = false // a token goes nowhere else
        connection.setRequestProperty('Accept', 'application/json')
        if (bearer != null) {
            connection.setRequestProperty('Authorization', "Bearer ${bearer}".toString())
        }
        if (body != null) {
            connection.doOutput = true
            connection.setRequestProperty('Content-Type', 'application/json')
            byte[] bytes = JsonOutput.toJson(body).getBytes('UTF-8')
            connection.outputStream.withCloseable { OutputStream out -> out.write(bytes) }
        }
        int status = connection.responseCode
        InputStream stream = status < 400 ? connection.inputStream : connection.errorStream
        return new Answer(status, stream == null ? '' : stream.getText('UTF-8'))
    }
}
