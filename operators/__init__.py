"""The operators that FiftyOne registers for us."""

from auto_labeling.operators.birds_eye import LiftBirdsEye, MakeBirdsEye
from auto_labeling.operators.correcting import (
    ListActions,
    RejectDuplicates,
    RelabelLabels,
    SetThresholds,
    UndoLastAction,
)
from auto_labeling.operators.deciding import CancelRun, DeleteRun, ListRuns, ResumeRun
from auto_labeling.operators.generate import GenerateLabels
from auto_labeling.operators.opening import OpenPanel
from auto_labeling.operators.reviewing import (
    ApproveRun,
    PromoteLabels,
    RejectLabels,
    UndoPromotion,
)
from auto_labeling.operators.starting import ImportLabels, StartRun

OPERATORS = (
    OpenPanel,
    GenerateLabels,
    ListRuns,
    StartRun,
    ImportLabels,
    ResumeRun,
    CancelRun,
    PromoteLabels,
    RejectLabels,
    RelabelLabels,
    SetThresholds,
    RejectDuplicates,
    UndoPromotion,
    UndoLastAction,
    ListActions,
    ApproveRun,
    DeleteRun,
    MakeBirdsEye,
    LiftBirdsEye,
)
