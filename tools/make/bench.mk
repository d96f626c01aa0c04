# Benches (docs/benchmarks.md): beside ONNX Runtime, with a busy neighbour, kernel by kernel.
#   make bench-compare MODELS="a.onnx folder" THREADS="1 2" RUNS=30 COMPARE="--alone"
#   make bench-against REV=1048722 WITHOUT=strassen THREADS="1 2" ROUNDS=5
#   make bench-sessions FLATS=a.infer SIZES="1x3x224x224 1x3x160x160"
#   make bench-ready FLATS="a.infer b.infer" COPIES=240
#   make bench-neighbour FLATS="a.infer" THREADS=2     make bench-kernels KERNELS="--op Conv"
BENCH        := $(BUILD)/bench
ORT_PACKAGE  ?= onnxruntime-node
INFER_SHARED ?= ../shared
RUNS         ?= 30
MODELS       ?= $(wildcard $(BENCH)/zoo/*.onnx $(INFER_SHARED)/models/*/model.onnx)

INT8_MODELS  ?= $(wildcard $(BENCH)/zoo-int8/*.onnx \
                $(INFER_SHARED)/models/*qdq/model.onnx $(INFER_SHARED)/models/*int8*/model.onnx)

.PHONY: gallery bench-against check-accuracy bench-zoo bench-zoo-int8 bench-compare bench-compare-int8 bench-precisions bench-neighbour \
        bench-kernels bench-sessions bench-ready bench-serve-peers bench-peers bench-scaling

# Networks as ONNX files, exported once; ZOO="resnet50 vgg16" for some of them only.
bench-zoo:
	@$(INSTALL_PACKAGES) bench
	@nice /usr/bin/python3 bench/export_zoo.py $(BENCH)/zoo $(ZOO)

$(BENCH)/node/node_modules/onnxruntime-node/package.json:
	@bench/install_ort.sh $(BENCH)/node $(ORT_PACKAGE)

bench-compare: $(BUILD)/infer $(BUILD)/infer-bench \
               $(BENCH)/node/node_modules/onnxruntime-node/package.json
	@[ -n "$(strip $(MODELS))" ] || { echo "no models: make bench-zoo, or MODELS=..."; exit 2; }
	@node bench/compare.js --infer $(BUILD)/infer --bench $(BUILD)/infer-bench \
	    --modules $(BENCH)/node --out $(or $(BENCH_OUT),$(BENCH)) --threads "$(or $(THREADS),1 2)" --runs $(RUNS) \
	    $(COMPARE) $(MODELS)

# The exported networks as QDQ models, made by the script in the shared folder.
bench-zoo-int8: $(BENCH)/node/node_modules/onnxruntime-node/package.json
	@$(INSTALL_PACKAGES) bench
	@mkdir -p $(BENCH)/zoo-int8
	@for m in $(wildcard $(BENCH)/zoo/*.onnx); do \
	    name=$$(basename $$m .onnx); \
	    [ -f $(BENCH)/zoo-int8/$$name.int8.onnx ] || \
	        { NODE_PATH=$(BENCH)/node/node_modules nice /usr/bin/python3 \
	            $(INFER_SHARED)/zoo/make_qdq.py $$m $(BENCH)/zoo-int8/$$name.part && \
	          mv $(BENCH)/zoo-int8/$$name.part $(BENCH)/zoo-int8/$$name.int8.onnx; } || \
	        echo "$$name is left out: it could not be quantised"; \
	done

bench-compare-int8:
	@$(MAKE) --no-print-directory bench-compare BENCH_OUT=$(BENCH)/int8 MODELS="$(INT8_MODELS)"

# Networks that are there in float and quantised, in f32, bf16 and int8 in turn.
PRECISIONS ?= $(foreach m,$(wildcard $(BENCH)/zoo-int8/*.int8.onnx),\
                $(m:$(BENCH)/zoo-int8/%.int8.onnx=$(BENCH)/zoo/%.onnx)=$(m))
bench-precisions: $(BUILD)/infer $(BUILD)/infer-bench
	@[ -n "$(strip $(PRECISIONS))" ] || { echo "no networks: make bench-zoo bench-zoo-int8"; exit 2; }
	@node bench/precisions.js --infer $(BUILD)/infer --bench $(BUILD)/infer-bench --out $(BENCH) \
	    --threads "$(or $(THREADS),1 2)" --runs $(RUNS) $(PRECISIONS)

# This version beside an older one; WITHOUT="strassen" leaves its kernels of that name out.
bench-against: $(BUILD)/infer $(BUILD)/infer-bench
	@mkdir -p $(BENCH)
	@bench/against.sh $(BUILD) $(REV) $(MODELS) $(INT8_MODELS)

# How far f32 answers are from float64's, beside ONNX Runtime's. Quantised networks are left out.
ACCURACY_MODELS ?= $(filter-out %qdq/model.onnx,$(MODELS)) $(wildcard $(INFER_SHARED)/wanted/*/model.onnx)
INPUTS ?= 10

$(BENCH)/venv/bin/python:
	@$(INSTALL_PACKAGES) accuracy
	@/usr/bin/python3 -m venv $(BENCH)/venv.part
	@$(BENCH)/venv.part/bin/pip install -q numpy onnx onnxruntime
	@mv $(BENCH)/venv.part $(BENCH)/venv

check-accuracy: $(BENCH)/venv/bin/python $(BUILD)/infer
	@$< bench/accuracy.py --infer $(BUILD)/infer --out $(BENCH) --inputs $(INPUTS) \
	    $(ACCURACY_MODELS)

MACHINE_OBJ := $(patsubst %.c,$(BUILD)/obj/%.o,$(filter bench/machine%,$(BENCH_SRC)))

$(BENCH)/sessions: $(BUILD)/obj/bench/sessions.o $(BUILD)/libinfer.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $^ $(LDLIBS)

# The bare loop that servers are held against (docs/hammer.md).
$(BENCH)/bare_http: $(BUILD)/obj/bench/bare_http.o
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $^ -lpthread

# infer serve beside other servers of models; those that can't be had here are left out.
#   make bench-serve-peers PEERS="infer fastapi torchserve" ROUNDS=3 SECONDS=5
PEERS_MODEL   ?= $(INFER_SHARED)/models/mobilenetv2-1.0-224-imagenet-qdq/model.onnx
PEERS_PICTURE ?= $(INFER_SHARED)/images/imagenet/n01514668_cock.JPEG
bench-serve-peers: $(BUILD)/infer
	@$(INSTALL_PACKAGES) peers
	@/usr/bin/python3 bench/serve_peers.py --infer $(BUILD)/infer --model $(PEERS_MODEL) \
	    --picture $(PEERS_PICTURE) --out $(BENCH)/peers --rounds $(or $(ROUNDS),3) \
	    --seconds $(or $(SECONDS),5) $(PEERS)

# libinfer beside the engines of the Python registry, and how all of them scale to as many threads as
# there are CPUs. Goes on where it was broken off; AGAIN=1 measures all anew.
#   make bench-peers PEER_MODELS="resnet50 mobilenet_v2" ENGINES="onnxruntime openvino" THREADS="1 2"
#   make bench-scaling PEER_MODELS="resnet50 resnet50.int8"
PEERS = bench/$(1) --infer $(BUILD)/infer --bench $(BUILD)/infer-bench --out $(BENCH)/$(2) \
        --environments $(BENCH)/engines --models "$(PEER_MODELS)" --rounds $(or $(ROUNDS),3) \
        --seconds $(or $(SECONDS),0.5) $(if $(ENGINES),--engines "$(ENGINES)") \
        $(if $(THREADS),--threads "$(THREADS)") $(if $(PRECISION),--precisions "$(PRECISION)") \
        $(if $(AGAIN),--again) $(MODELS) $(filter-out $(MODELS),$(INT8_MODELS))
bench-scaling: ENGINES ?= onnxruntime openvino
bench-peers: $(BUILD)/infer $(BUILD)/infer-bench
	@$(INSTALL_PACKAGES) accuracy
	@/usr/bin/python3 $(call PEERS,engine_peers.py,engines)

bench-scaling: $(BUILD)/infer $(BUILD)/infer-bench
	@$(INSTALL_PACKAGES) accuracy
	@/usr/bin/python3 $(call PEERS,scaling_peers.py,scaling)

# Many sessions of a model, and sessions that change their size.
bench-sessions: $(BENCH)/sessions
	@$< $(FLATS) $(or $(THREADS),1) $(SIZES)

# How soon models are ready, and many of them at once: COPIES of the first one under other names.
COPIES ?= 240
$(BENCH)/models: $(BUILD)/obj/bench/models.o $(BUILD)/libinfer.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $^ $(LDLIBS)

bench-ready: $(BENCH)/models
	@mkdir -p $(BENCH)/copies
	@for m in $(FLATS); do $< $(or $(THREADS),2) $$m; done
	@for i in $$(seq $(COPIES)); do cp $(firstword $(FLATS)) $(BENCH)/copies/$$i.infer; done
	@$< $(or $(THREADS),2) $(BENCH)/copies/*.infer
	@rm -r $(BENCH)/copies

$(BENCH)/neighbour: $(BUILD)/obj/bench/neighbour.o
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $^ -lm

$(BENCH)/kernels: $(patsubst %,$(BUILD)/obj/bench/%.o,kernels kernel_shape kernel_time) \
                  $(MACHINE_OBJ) $(BUILD)/libinfer.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $^ $(LDLIBS)

bench-neighbour: $(BENCH)/neighbour $(BUILD)/infer $(BUILD)/infer-bench
	@bench/neighbour.sh $(BUILD) "$(or $(THREADS),2)" $(FLATS)

bench-kernels: $(BENCH)/kernels
	@$(BENCH)/kernels $(KERNELS) > $(BENCH)/kernels.md.part
	@mv $(BENCH)/kernels.md.part $(BENCH)/kernels.md
	@echo $(BENCH)/kernels.md

# Real networks on real pictures, as a page: build/gallery/index.html.
gallery: $(BUILD)/infer
	@bench/gallery.sh $(BUILD) $(INFER_SHARED)
