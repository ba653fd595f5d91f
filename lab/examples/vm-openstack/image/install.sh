#!/bin/sh
# Runs on the temporary server, as root. What it changes is in the image.
set -eu
sed -i "s/@commit@/$COMMIT/" /srv/www/index.html
# What the machine says on its console when it has started: the boot test waits for the commit.
echo "vm-openstack $COMMIT" > /etc/issue
sync
