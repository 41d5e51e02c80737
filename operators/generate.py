"""What a worker executes: the delegated side of a run."""

import fiftyone.operators as foo

from auto_labeling import forms, labeling


class GenerateLabels(foo.Operator):
    """Labels the samples of a run that still wait. Queued by ``labeling.start``."""

    @property
    def config(self):
        return foo.OperatorConfig(
            name="generate_labels",
            label="Auto-Labeling: generate labels",
            description="Labels the target samples of a run; its only parameter is the run's id",
            icon="auto_awesome",
            unlisted=True,
            allow_immediate_execution=False,
            allow_delegated_execution=True,
            default_choice_to_delegated=True,
        )

    def execute(self, ctx):
        def report(fraction, text):
            ctx.set_progress(progress=fraction, label=text)

        run = labeling.generate(ctx.dataset, forms.run_id(ctx), report)
        return {"run": run.id, "state": run.state.value, "labels": run.labels}
