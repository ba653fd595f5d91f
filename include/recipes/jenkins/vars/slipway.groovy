import slipway.Airflow
import slipway.Login
import slipway.Request
import slipway.Run
import slipway.SlipwayException

/**
 * Starts a pipeline of Slipway in Airflow and follows it to its end; fails the build when it fails.
 *
 *     def released = slipway(app: 'acme/shop', commit: env.GIT_COMMIT, ref: 'main')
 *     echo released.images.container.digest
 *
 * The options are in the README beside this folder. Returns a map: state, url, images, deployments, failed.
 */
Map call(Map options) {
    Request request = null
    try {
        request = Request.of(options, [AIRFLOW_URL: env.AIRFLOW_URL, BUILD_TAG: env.BUILD_TAG])
    } catch (SlipwayException refused) {
        error("Slipway: ${refused.message}")
    }
    Airflow airflow = new Airflow(request.url)
    Map result = follow(request, airflow, request.pipeline, request.conf)
    Map image = request.deploysAfter && result.state == 'success' ? result.images.values()[0] : null
    if (image != null) {
        Map conf = [repository: request.conf.repository, ref: image.ref, commit: image.commit]
        Map deployed = follow(request, airflow, 'deploy', conf)
        result = deployed + [images: result.images]
    }
    if (result.state != 'success' && request.propagate) {
        error("Slipway: ${result.url} failed: ${result.failed.join(', ')}. The log above says why, and what to do.")
    }
    return result
}

private Map follow(Request request, Airflow airflow, String dagId, Map conf) {
    Run run = new Run(airflow, dagId, request.runId())
    Map result = [:]
    withCredentials([usernamePassword(credentialsId: request.credentials,
                                      usernameVariable: 'SLIPWAY_USER', passwordVariable: 'SLIPWAY_PASSWORD')]) {
        try {
            echo run.start(login(), conf, "started by Jenkins: ${env.BUILD_URL ?: request.key}".toString())
            while (true) {
                for (String line in run.look(login())) {
                    echo line
                }
                if (run.hasEnded()) {
                    break
                }
                sleep(time: 2, unit: 'SECONDS')
            }
            result = run.results(login())
        } catch (SlipwayException refused) {
            error("Slipway: ${refused.message}")
        }
    }
    for (String line in Run.summary(result.images)) {
        echo line
    }
    return result + [state: run.state, url: run.page(), failed: run.failed]
}

private Login login() {
    return new Login(env.SLIPWAY_USER, env.SLIPWAY_PASSWORD)
}
