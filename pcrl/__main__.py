"""`python -m pcrl` is the same as `pcrl`."""

try:
    from pcrl_cli.main import main
except ModuleNotFoundError:  # run from the repository, not installed: there the folder has its own name
    from cli.main import main

if __name__ == "__main__":
    main(prog_name="pcrl")
