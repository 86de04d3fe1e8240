"""Start a job, watch it, look at what it left; then the same with another input."""

from pathlib import Path

from retrain import Client, Environment, Input, Output, command

HERE = Path(__file__).parent

job = command(
    display_name="line",
    experiment_name="python-api",
    code="src",
    command="python train.py --data ${{inputs.data}} --rate ${{inputs.rate}} --to ${{outputs.fit}}",
    inputs={"data": Input(type="uri_file", path="points.csv"), "rate": 0.05},
    outputs={"fit": Output(type="uri_folder")},
    environment=Environment(image="python:3.11-slim"),
    timeout=300,
    base_path=HERE,
)

with Client() as client:
    run = client.jobs.create_or_update(job)
    client.jobs.stream(run.name)
    for path in client.jobs.download(run.name, HERE / "downloaded", output_name="fit"):
        print(path.relative_to(HERE), path.read_text().strip())

    slower = client.jobs.create_or_update(job(rate=0.01)).wait()
    print(slower.name, slower.status, slower.inputs["rate"])
