from django.apps import AppConfig


class GenerationsConfig(AppConfig):
    name = "generations"
    verbose_name = "Shots"

    def ready(self) -> None:
        from django.conf import settings

        from .providers import outbound

        outbound.trust(settings.TRUSTED_HOSTS)
