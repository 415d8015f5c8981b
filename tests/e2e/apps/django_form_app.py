"""Django with its CSRF middleware and a form: what startproject gives, in one file and without a database."""
import itertools
import time

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.template import engines
from django.urls import path
from django.views.decorators.csrf import ensure_csrf_cookie

settings.configure(
    SECRET_KEY="only for tests", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, DEBUG=False,
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.middleware.gzip.GZipMiddleware",
                "django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.common.CommonMiddleware",
                "django.middleware.csrf.CsrfViewMiddleware", "django.middleware.clickjacking.XFrameOptionsMiddleware"])
django.setup()
renderings = itertools.count(1)

PAGE = """<!doctype html><html><head><title>Form</title></head><body>
<p>rendering {{ number }}</p>
<form method="post" action="/save">{% csrf_token %}<input name="text"><button>Save</button></form>
<form method="post" action="/save">{% csrf_token %}<input name="text"><button>Again</button></form>
</body></html>
"""
SCRIPT = """<!doctype html><html><body hx-headers='{"X-CSRFToken": "{{ csrf_token }}"}'>
<p>rendering {{ number }}</p>
<script>send("{{ csrf_token }}")</script>
</body></html>
"""


def page(request, text):
    return HttpResponse(engines["django"].from_string(text).render({"number": next(renderings)}, request))


def alive(request):
    return HttpResponse("yes", headers={"Cache-Control": "no-store"})


def form(request):
    time.sleep(float(request.GET.get("sleep", 0)))
    return page(request, PAGE)


def script(request):
    """The token in a script and an attribute, as htmx has it: by no name that a form has."""
    return page(request, SCRIPT)


@ensure_csrf_cookie
def plain(request):
    return page(request, "<p>rendering {{ number }}</p><p>a script takes the token from the cookie</p>")


def login(request):
    request.session["name"] = request.POST["name"]
    return HttpResponse("welcome")


def me(request):
    return page(request, f"<p>You are {request.session.get('name', 'nobody')}</p>" + PAGE)


def save(request):
    return HttpResponse("saved")


urlpatterns = [path("alive", alive), path("form", form), path("script", script), path("plain", plain), path("login", login),
               path("me", me), path("save", save)]
application = get_wsgi_application()
