#!/bin/sh
# Runs in the machine whose disk becomes the image.
set -eu
# What its console shows before the login: the boot test waits for the commit.
echo "$GREETING: metal-packer at $COMMIT" | tee /srv/www/index.html >> /etc/issue
