"""The same site with Django, in one file: sessions in signed cookies, so that no database is needed."""
import itertools
import time

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import path

settings.configure(
    SECRET_KEY="only for tests", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, DEBUG=False,
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.common.CommonMiddleware"])
django.setup()
renderings = itertools.count(1)


def page(text):
    return HttpResponse(f"<!doctype html><title>Blog</title><p>{text}</p><p>rendering {next(renderings)}</p>")


def alive(request):
    return HttpResponse("yes", headers={"Cache-Control": "no-store"})


def blog(request, post):
    if post == "slow":
        time.sleep(1)
    response = page(f"Post {post}")
    response["Surrogate-Key"] = f"blog post-{post}"
    return response


def login(request):
    request.session["name"] = request.POST["name"]
    return redirect("/account/me")


def me(request):
    name = request.session.get("name", "nobody")
    request.session["seen"] = request.session.get("seen", 0) + 1  # touched: Django sends its cookie and Vary: Cookie
    return page(f"You are {name}")


def echo(request):
    return page(request.POST["text"])


def away(request):
    return redirect("/blog/1")


def crash(request):
    raise RuntimeError("on purpose")


def seen(request):
    return page(f"{request.headers['X-Forwarded-For']} asked {request.headers['Host']}")


def stream(request):
    return StreamingHttpResponse((f"line {i}\n" for i in range(1000)), content_type="text/plain")


urlpatterns = [
    path("alive", alive), path("blog/<str:post>", blog), path("login", login), path("account/me", me), path("mixed/me", me),
    path("echo", echo), path("redirect", away), path("crash", crash), path("seen", seen), path("stream", stream),
]
application = get_wsgi_application()
