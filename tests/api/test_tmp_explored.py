from tests.api.test_explored import *
from tests.api.test_explored import door, explore
def test_mine(door, subtests):
    for operation in door.operations:
        if "/v1/batches" in operation.path:
            with subtests.test(operation.label):
                explore(door, operation)
            with subtests.test(operation.label+" edge"):
                generation = operation.schema.config.generation_for(operation=operation)
                for case in operation.schema.iter_coverage_cases(operation, generation_modes=list(GenerationMode), generation_config=generation):
                    door.ask(case)
