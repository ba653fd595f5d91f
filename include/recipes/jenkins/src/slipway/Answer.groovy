package slipway

import com.cloudbees.groovy.cps.NonCPS
import groovy.json.JsonException
import groovy.json.JsonSlurperClassic

/** What Airflow answered to one request. */
class Answer {
    private static final int SHOWN = 300

    final int status
    final String text

    Answer(int status, String text) {
        this.status = status
        this.text = text
    }

    @NonCPS
    Map json(String method, String path) {
        if (status == 403) {
            throw new SlipwayException("this user may not do that: Airflow answered 403 to ${method} ${path}. " +
                'docs/permissions.md says which role may.')
        }
        if (status >= 500) {
            throw new AwayException("Airflow answered ${status} to ${method} ${path}. Its log says why.")
        }
        if (status >= 300) {
            throw new SlipwayException("Airflow answered ${status} to ${method} ${path}: " +
                text.take(SHOWN) + ' Check what was asked for, and AIRFLOW_URL.')
        }
        try {
            return (Map) new JsonSlurperClassic().parseText(text)
        } catch (JsonException | ClassCastException ignored) {
            throw new SlipwayException("Airflow's answer to ${method} ${path} is no JSON object. Check AIRFLOW_URL.")
        }
    }
}
