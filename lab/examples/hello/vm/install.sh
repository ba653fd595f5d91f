#!/bin/sh
# Runs in the machine that becomes the image; the base image serves /srv/www on port 80.
set -eu
echo "hello from examples/hello at $COMMIT" > /srv/www/index.html
cat /srv/www/message.txt >> /srv/www/index.html
# What its console shows, by which the boot test knows the image.
echo "hello at $COMMIT" >> /etc/issue
