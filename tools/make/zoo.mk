# Networks that other people's tools export, beside ONNX Runtime (docs/zoo.md, tests/zoo).
#   make check-zoo ZOO="resnet18 ssdlite*"      some of them      ZOO_EXPORTER=classic, dynamo
#   make check-zoo-ci ZOO_VENV=/some/venv       the small ones of .ci/run; skipped without the venv
# The environment takes some 6 GB: from the registry PyTorch comes with its CUDA libraries.
ZOO_VENV     ?= $(BUILD)/zoo/venv
ZOO_EXPORTER ?= *
ZOO_PACKAGES := numpy onnx onnxruntime torch torchvision onnxscript pillow timm transformers ultralytics scipy
ZOO_RUN       = OMP_NUM_THREADS=1 nice -n 3 $(ZOO_VENV)/bin/python tests/zoo/check_zoo.py \
                    --build $(BUILD) --exporter '$(ZOO_EXPORTER)'

.PHONY: check-zoo check-zoo-ci
check-zoo: $(BUILD)/infer $(BUILD)/infer-bench
	@tests/zoo/venv.sh $(ZOO_VENV) $(ZOO_PACKAGES) || exit 0; \
	    $(ZOO_RUN) --table docs/zoo.md $(foreach z,$(ZOO),'$(z)')

check-zoo-ci: $(BUILD)/infer $(BUILD)/infer-bench
	@$(ZOO_VENV)/bin/python -c 'import onnxruntime, torch' 2>/dev/null || { \
	    echo "skipped: no $(ZOO_VENV) with PyTorch and ONNX Runtime (make check-zoo makes one)"; exit 0; }; \
	    $(ZOO_RUN) --ci
