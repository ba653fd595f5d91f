# An image made in the cloud: a temporary server of the base image, provisioned over SSH; its snapshot is the image.
# Slipway sets every variable slipway_*. The same in JSON: openstack.json.
# https://developer.hashicorp.com/packer/integrations/hashicorp/openstack
variable "slipway_commit" { type = string }
variable "slipway_name" { type = string }
variable "slipway_base" { type = string }
variable "slipway_run" { type = string }
variable "flavor" { type = string }
variable "network" { type = string }

source "openstack" "shop" {
  source_image = var.slipway_base
  image_name   = var.slipway_name

  # By these the next try, and reap_orphans, find what a worker that died left in the cloud.
  instance_name           = var.slipway_name
  temporary_key_pair_name = var.slipway_name
  instance_metadata       = { slipway_run = var.slipway_run }
  metadata                = { slipway_run = var.slipway_run }

  flavor       = var.flavor
  networks     = [var.network]
  config_drive = true
  ssh_username = "debian"
}

build {
  sources = ["source.openstack.shop"]
  provisioner "shell" {
    environment_vars = ["COMMIT=${var.slipway_commit}"]
    script           = "install.sh"
  }
}
