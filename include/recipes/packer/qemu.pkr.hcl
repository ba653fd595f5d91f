# An image made on the worker: the base image boots in qemu, and install.sh runs in it over SSH. Slipway sets every
# variable slipway_*. The same in JSON: qemu.json.
# https://developer.hashicorp.com/packer/integrations/hashicorp/qemu
variable "slipway_commit" { type = string }
variable "slipway_name" { type = string }
variable "slipway_base" { type = string }
variable "slipway_base_checksum" { type = string }
variable "slipway_output" { type = string }
variable "slipway_accelerator" { type = string }
variable "slipway_seed" { type = string }
variable "slipway_ssh_key" { type = string }

source "qemu" "shop" {
  vm_name              = var.slipway_name
  output_directory     = var.slipway_output
  iso_url              = var.slipway_base
  iso_checksum         = var.slipway_base_checksum
  disk_image           = true
  skip_resize_disk     = true # the base's size: without it disks are 40 GiB, and no smaller flavor takes them
  accelerator          = var.slipway_accelerator
  headless             = true
  http_directory       = var.slipway_seed
  qemuargs             = [["-smbios", "type=1,serial=ds=nocloud;s=http://{{ .HTTPIP }}:{{ .HTTPPort }}/"]]
  ssh_username         = "debian"
  ssh_private_key_file = var.slipway_ssh_key
  shutdown_command     = "sudo poweroff"
}

build {
  sources = ["source.qemu.shop"]
  provisioner "shell" {
    environment_vars = ["COMMIT=${var.slipway_commit}"]
    script           = "install.sh"
  }
}
