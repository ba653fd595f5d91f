# A temporary server, made from the base in Glance, provisioned over SSH, and kept as an image.
# https://developer.hashicorp.com/packer/integrations/hashicorp/openstack

variable "slipway_name" {
  type = string
}

variable "slipway_base" {
  type = string
}

variable "slipway_run" {
  type = string
}

variable "slipway_commit" {
  type = string
}

variable "flavor" {
  type = string
}

variable "network" {
  type = string
}

source "openstack" "server" {
  source_image = var.slipway_base
  image_name   = var.slipway_name

  # Whoever cleans up after a build that broke off knows its server and its key by these.
  instance_name           = var.slipway_name
  temporary_key_pair_name = var.slipway_name
  instance_metadata       = { slipway_run = var.slipway_run }
  metadata                = { slipway_run = var.slipway_run }

  flavor                  = var.flavor
  network_discovery_cidrs = [var.network]
  config_drive            = true
  ssh_username            = "root"
  ssh_timeout             = "5m"
}

build {
  sources = ["source.openstack.server"]

  provisioner "file" {
    source      = "www/"
    destination = "/srv/www"
  }

  provisioner "shell" {
    environment_vars = ["COMMIT=${var.slipway_commit}"]
    script           = "install.sh"
  }
}
