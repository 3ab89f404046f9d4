# What `make check`, `make demo`, `make bench` and `make lint` are made of.

demo:
	bash tests/demo.sh
check:
	bash tests/check.sh
bench:
	bash tests/bench/run.sh
lint:
	bash tests/lint.sh
