"""What a worker does once it is connected to its broker: Celery's own steps, less one."""

from celery.worker.consumer import Consumer

_DELAYED = "celery.worker.consumer.delayed_delivery:DelayedDelivery"


class RingConsumer(Consumer):  # type: ignore[misc]  # Celery is untyped
    class Blueprint(Consumer.Blueprint):  # type: ignore[misc]  # as above
        """Beside a quorum queue Celery declares 28 more, for tasks with a due time: those of ours have none."""

        default_steps = tuple(step for step in Consumer.Blueprint.default_steps if step != _DELAYED)
