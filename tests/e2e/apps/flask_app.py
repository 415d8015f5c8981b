"""A small Flask site: a blog with tags, a login with Flask's signed session cookie, a form, errors."""
import itertools
import time

from flask import Flask, Response, redirect, request, session

app = Flask(__name__)
app.secret_key = "only for tests"
renderings = itertools.count(1)


def page(text):
    return f"<!doctype html><title>Blog</title><p>{text}</p><p>rendering {next(renderings)}</p>"


@app.get("/alive")
def alive():
    return "yes", {"Cache-Control": "no-store"}


@app.get("/blog/<post>")
def blog(post):
    if post == "slow":
        time.sleep(1)
    return page(f"Post {post}"), {"Cache-Tag": f"blog, post-{post}"}


@app.post("/login")
def login():
    session["name"] = request.form["name"]
    return redirect("/account/me")


@app.get("/account/me")
@app.get("/mixed/me")
def me():
    name = session.get("name", "nobody")
    session["seen"] = session.get("seen", 0) + 1  # touches the session: Flask sends its cookie and Vary: Cookie
    return page(f"You are {name}")


@app.post("/echo")
def echo():
    return page(request.form["text"])


@app.get("/redirect")
def away():
    return redirect("/blog/1")


@app.get("/crash")
def crash():
    raise RuntimeError("on purpose")


@app.get("/seen")
def seen():
    return page(f"{request.headers['X-Forwarded-For']} asked {request.headers['Host']}")


@app.get("/stream")
def stream():
    return Response((f"line {i}\n" for i in range(1000)), mimetype="text/plain")
