# What this system is made from: Slipway asks for it, and builds anew when the archive has changed.
export DISTRO_NAME=debian
export DIB_RELEASE=${DIB_RELEASE:-bookworm}
export DIB_APT_SOURCES_CONF="default:deb ${DIB_DISTRIBUTION_MIRROR:-} ${DIB_RELEASE} main"
