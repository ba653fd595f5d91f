# The virtual machine: the base image, with this application's page. Slipway sets every variable slipway_*.
variable "slipway_commit" { type = string }
variable "slipway_name" { type = string }
variable "slipway_base" { type = string }
variable "slipway_base_checksum" { type = string }
variable "slipway_output" { type = string }
variable "slipway_accelerator" { type = string }
variable "slipway_seed" { type = string }
variable "slipway_ssh_key" { type = string }

source "qemu" "hello" {
  vm_name          = var.slipway_name
  output_directory = var.slipway_output
  iso_url          = var.slipway_base
  iso_checksum     = var.slipway_base_checksum
  disk_image       = true
  skip_resize_disk = true # the size of the base, which fits any flavor; 40 GiB otherwise
  format           = "qcow2"
  accelerator      = var.slipway_accelerator
  headless         = true
  memory           = 256
  net_device       = "virtio-net"

  # The base image lets in whom the seed names: this build, by a key of its own.
  http_directory       = var.slipway_seed
  qemuargs             = [["-smbios", "type=1,serial=ds=nocloud;s=http://{{ .HTTPIP }}:{{ .HTTPPort }}/"]]
  boot_wait            = "1s"
  ssh_username         = "root"
  ssh_private_key_file = var.slipway_ssh_key
  ssh_timeout          = "5m"
  shutdown_command     = "poweroff"
}

build {
  sources = ["source.qemu.hello"]

  provisioner "file" {
    source      = "message.txt"
    destination = "/srv/www/message.txt"
  }

  provisioner "shell" {
    script           = "vm/install.sh"
    environment_vars = ["COMMIT=${var.slipway_commit}"]
  }
}
