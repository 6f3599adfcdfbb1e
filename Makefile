# What developers run. Everything these commands bring lands in .odoo/ and is used again.
#
#   make demo                      Odoo with demo data on 8069, a simulated Zadarma on 8070  (PORT=, SIM_PORT=)
#   make test                      the whole suite
#   make test T=tests/test_x.py    some files of it     make test K=fold    tests by name
#   make test KEEP=mine            keep the database and use it again, so that the next run starts in seconds
#   make test-odoo                 some of it, and tests of Odoo's own, beside other apps (half an hour)
#   make lint                      every linter         make format           what linters can put right by themselves
#   make translations              the template of all texts anew, merged into each language
#   make package                   the wheel and the zip that people install, in dist/
#   make mutate                    guards taken out one by one: does a test fail?    make mutate M=name
#   make fuzz SECONDS=300          what comes from Zadarma, with ever other bytes
#   make pictures                  the pictures of the documents anew, of a demo installed for them
#   make bench                     the budgets, as ratios (twenty minutes)   make bench QUICK=1    four minutes
#   make soak                      calls while everything breaks, compared in the end  (MINUTES=, RATE= a second, SEED=)

PYTHON ?= python3
PORT ?= 8069
SIM_PORT ?= 8070
SECONDS ?= 60
VENV_PYTHON := .odoo/venv/bin/python

.PHONY: demo test test-odoo lint format bench soak mutate fuzz translations package pictures environment lint-environment clean

demo: environment
	@$(VENV_PYTHON) dev/demo.py --port $(PORT) --simulator-port $(SIM_PORT)

test: environment
	@$(VENV_PYTHON) dev/suite.py $(if $(K),-k '$(K)') $(if $(KEEP),--keep '$(KEEP)') $(T)

test-odoo: environment
	@$(VENV_PYTHON) dev/neighbours.py $(if $(K),-k '$(K)')

lint: lint-environment
	@$(VENV_PYTHON) dev/lint.py

format: lint-environment
	@$(VENV_PYTHON) dev/lint.py --fix

bench: environment
	@$(VENV_PYTHON) dev/bench

mutate: environment
	@$(VENV_PYTHON) dev/mutate.py $(M)

fuzz: environment
	@$(VENV_PYTHON) dev/fuzz.py --seconds $(SECONDS)

soak: environment
	@$(VENV_PYTHON) dev/soak.py $(if $(MINUTES),--minutes $(MINUTES)) $(if $(RATE),--rate $(RATE)) $(if $(SEED),--seed $(SEED))

translations: environment
	@$(VENV_PYTHON) dev/translations.py

package: environment
	@$(VENV_PYTHON) dev/release/package.py

pictures: environment
	@$(VENV_PYTHON) dev/pictures.py

environment:
	@$(PYTHON) dev/bootstrap.py

lint-environment:
	@$(PYTHON) dev/bootstrap.py --node

clean:
	rm -rf .odoo
