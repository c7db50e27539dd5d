"""What is under /api/ and belongs to no resource."""

from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView


class Unknown(APIView):
    """Every address nothing else answers; says so in the API's own way, to anybody."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse, whatever the method."""
        super().initial(request, *args, **kwargs)
        raise NotFound("There is nothing at this address. The reference is at /api/docs/.")
