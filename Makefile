# The two commands of the README are `make demo` and `make test`; both make their own environment in .venv.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
PEERS_BIN := benchmarks/.env/bin
PEERS := benchmarks/.env/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test fast lint bench transfer harness clean

help:
	@echo "make demo   set up, fetch the sample scans, ingest, pre-train, evaluate, show the result"
	@echo "make test   set up, run every check that CI runs"
	@echo "make fast   only the fast tests"
	@echo "make lint   ruff, mypy"
	@echo "make bench  the benchmarks (three quarters of an hour; nothing else should run)"
	@echo "make transfer  does pre-training help? (an hour; what was killed goes on)"
	@echo "make harness  kills, damage and a soak with full counts (two hours and a half); docs/reliability.md"

# pip sees the pinned torch first, so that it takes that build and not the newest CUDA one.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt "torch==$$(sed -n 's/^torch==//p' constraints.txt)"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

# The three commands of the README, on the sample. What they make stays in demo/.
demo: $(STAMP)
	@mkdir -p demo && rm -rf demo/evaluations
	@cd demo && set -e && say() { echo; echo "$$ pcrl $$*"; ../$(BIN)/pcrl "$$@"; } && \
	say sample ./data && \
	say ingest --dataset lits --recipe cpu-3d && \
	say pretrain --cache ./cache && \
	say eval lits --fraction 0.5 --from-scratch --out evaluations/lits && \
	say predict lits --run evaluations/lits data/lits/volume-0.nii.gz --out predictions && \
	echo && echo "The same for chest X-rays, in a cache of their own; these are synthetic projections of two CTs:" && \
	say ingest --dataset chexpert --recipe cpu-2d --cache ./cache-xray && \
	say pretrain --cache ./cache-xray && \
	say eval chexpert --cache ./cache-xray --fraction 0.5 --arms pretrained,scratch,permuted,shuffled --out evaluations/chexpert && \
	echo && \
	echo "Made, in demo/: cache/ (scans, any OME-Zarr viewer opens them), cache-xray/, runs/ (weights, log, pictures/ of" && \
	echo "views, their corruption and restoration), evaluations/lits and evaluations/chexpert (open report.html in a browser;" && \
	echo "the same as results.json and CSV), predictions/ (a mask in the grid of its scan)." && \
	echo "It shows that everything works here. So few patients say nothing about quality." && \
	echo "Next, with your own scans:  .venv/bin/pcrl ingest --layout folder --source DIR  (or lits, luna, brats," && \
	echo "nnunet, chexpert, chestxray), then pcrl pretrain and pcrl eval as above; with a GPU leave out --recipe. See README.md."

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# As many processes as there are cores; the tests of a file stay together, as they share what they make.
PYTEST := $(BIN)/python -m pytest -n auto --dist loadfile

fast: $(STAMP)
	$(PYTEST) -m "not slow"

test: lint
	$(PYTEST)

harness: $(STAMP)
	$(BIN)/python -m tests.harness

# Three quarters of an hour; nothing else should run meanwhile. Tables go to benchmarks/results/. What pcrl is compared with is
# installed beside it, in an environment of its own.
bench: $(PEERS)
	$(PEERS_BIN)/python benchmarks/kernels.py
	$(PEERS_BIN)/python benchmarks/storage.py
	$(PEERS_BIN)/python benchmarks/loader.py
	$(PEERS_BIN)/python benchmarks/images.py
	$(PEERS_BIN)/python benchmarks/image_size
	$(PEERS_BIN)/python benchmarks/ingest.py
	$(PEERS_BIN)/python benchmarks/reuse.py
	$(PEERS_BIN)/python benchmarks/cold.py
	$(PEERS_BIN)/python benchmarks/ranks.py
	$(PEERS_BIN)/python benchmarks/train_step.py . benchmarks/data/train_step --minutes 15
	$(PEERS_BIN)/pcrl ingest --dataset luna --source benchmarks/data/sample/luna --recipe cpu-3d --cache benchmarks/data/cache-small
	$(PEERS_BIN)/python benchmarks/end_to_end.py . benchmarks/data/end_to_end --cache benchmarks/data/cache-small --rounds 3
	cp benchmarks/data/train_step/train_step.md benchmarks/data/end_to_end/end_to_end.md benchmarks/results/

$(PEERS): pyproject.toml constraints.txt benchmarks/requirements.txt
	$(PYTHON) -m venv benchmarks/.env
	$(PEERS_BIN)/python -m pip install --quiet --constraint constraints.txt "torch==$$(sed -n 's/^torch==//p' constraints.txt)"
	$(PEERS_BIN)/python -m pip install --quiet --constraint constraints.txt --editable . --requirement benchmarks/requirements.txt
	@touch $@

# Three tiers by the protocol in docs/transfer-protocol.md, then why. Runs are kept in benchmarks/data/.
transfer: $(STAMP)
	$(BIN)/python benchmarks/transfer.py
	$(BIN)/python benchmarks/transfer_why.py --work benchmarks/data/transfer-cpu

clean:
	rm -rf .venv benchmarks/.env build dist *.egg-info .mypy_cache .ruff_cache
