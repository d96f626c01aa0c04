#!/bin/sh
# Installs ONNX Runtime for Node into a folder; its library for the CPU is inside the package, so
# that no script of the package needs to run.
#   bench/install_ort.sh FOLDER [PACKAGE]
set -eu
folder=$1
package=${2:-onnxruntime-node}
for program in node npm; do
    command -v "$program" >/dev/null || {
        echo "bench: $program is missing: install Node (Debian: apt-get install nodejs npm)" >&2
        exit 1
    }
done
mkdir -p "$folder"
echo "installing $package into $folder" >&2
npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund "$package" >&2 || {
    echo "bench: npm can't install $package: is there a network, or a registry that npm knows?" >&2
    exit 1
}
