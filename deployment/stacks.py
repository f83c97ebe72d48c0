"""The CloudFormation stacks of a stage, by name."""


def stack_name(stage: str) -> str:
    return f"craftkit-{stage}"
