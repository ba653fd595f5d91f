#!/bin/sh
# Notifies Slipway's webhook that a build has ended, so that Slipway need not poll Jenkins every few seconds.
# docs/jenkins.md says where to call it: as the last step, with the result as its argument:
#
#     post { always { sh "sh notify.sh ${currentBuild.currentResult}" } }
#
# Reads SLIPWAY_WEBHOOK (https://<airflow>/slipway/webhooks/github), SLIPWAY_WEBHOOK_SECRET (a credential), the
# job's parameters SLIPWAY_BUILD and SLIPWAY_REPOSITORY, and BUILD_NUMBER and BUILD_URL, which Jenkins sets.
# Needs curl and perl. The secret is in no argument: those are seen by everybody on the machine.
set -eu

[ -n "${SLIPWAY_BUILD:-}" ] || { echo "not requested by Slipway: no notification sent"; exit 0; }

body=$(printf '{"repository":{"full_name":"%s"},"build":{"number":%s,"full_url":"%s","phase":"FINALIZED","status":"%s","parameters":{"SLIPWAY_BUILD":"%s"}}}' \
  "$SLIPWAY_REPOSITORY" "$BUILD_NUMBER" "$BUILD_URL" "$1" "$SLIPWAY_BUILD")
signature=$(BODY="$body" perl -MDigest::SHA=hmac_sha256_hex \
  -e 'print hmac_sha256_hex($ENV{BODY}, $ENV{SLIPWAY_WEBHOOK_SECRET})')

printf %s "$body" | curl --silent --show-error --fail-with-body --max-time 30 --retry 3 --data-binary @- \
  --header "Content-Type: application/json" \
  --header "X-GitHub-Event: jenkins_build" \
  --header "X-GitHub-Delivery: jenkins-$SLIPWAY_BUILD-$BUILD_NUMBER" \
  --header "X-Hub-Signature-256: sha256=$signature" \
  "$SLIPWAY_WEBHOOK"
