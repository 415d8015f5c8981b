<?php
// Laravel with its `web` group of middleware and a form: what a new project has (app/Http/Kernel.php, config/, routes/web.php), in one
// file and without a database. Sessions are files, their cookie is encrypted anew with each answer, as XSRF-TOKEN is.
//   BASE=/a/folder PHP_CLI_SERVER_WORKERS=4 php -S 127.0.0.1:PORT laravel_app.php

require_once 'Illuminate/autoload.php';

use Illuminate\Foundation\Application;
use Illuminate\Foundation\Bootstrap\BootProviders;
use Illuminate\Foundation\Bootstrap\RegisterFacades;
use Illuminate\Foundation\Bootstrap\RegisterProviders;
use Illuminate\Foundation\Http\Kernel;
use Illuminate\Http\Request;

$base = getenv('BASE');
foreach (['bootstrap/cache', 'storage/framework/sessions', 'storage/framework/views', 'storage/logs', 'views'] as $folder) {
    if (!is_dir("$base/$folder")) {
        @mkdir("$base/$folder", 0700, true);
    }
}

// How often what was asked for, over the processes of the server; of the test.
function counted($name, $by = 1)
{
    $file = fopen(getenv('BASE') . "/$name", 'c+');
    flock($file, LOCK_EX);
    $n = (int) stream_get_contents($file) + $by;
    ftruncate($file, 0);
    rewind($file);
    fwrite($file, (string) $n);
    fclose($file);
    return $n;
}

class FormKernel extends Kernel
{
    protected $middlewareGroups = [
        'web' => [
            \Illuminate\Cookie\Middleware\EncryptCookies::class,
            \Illuminate\Cookie\Middleware\AddQueuedCookiesToResponse::class,
            \Illuminate\Session\Middleware\StartSession::class,
            \Illuminate\View\Middleware\ShareErrorsFromSession::class,
            \Illuminate\Foundation\Http\Middleware\VerifyCsrfToken::class,
            \Illuminate\Routing\Middleware\SubstituteBindings::class,
        ],
    ];

    protected $bootstrappers = [RegisterFacades::class, RegisterProviders::class, BootProviders::class];
}

const PAGE = <<<'HTML'
    <!doctype html><html><head><title>Form</title><meta name="csrf-token" content="{{ csrf_token() }}"></head><body>
    <p>rendering {{ $number }}</p>
    <form method="post" action="/save">@csrf<input name="text"><button>Save</button></form>
    <form method="post" action="/remove">@csrf @method('DELETE')<button>Remove</button></form>
    </body></html>
    HTML;
file_exists("$base/views/form.blade.php") || file_put_contents("$base/views/form.blade.php", PAGE);

$app = new Application($base);
$app->instance('config', new Illuminate\Config\Repository([
    'app' => [
        'name' => 'Laravel', 'env' => 'production', 'debug' => false, 'key' => str_repeat('k', 32), 'cipher' => 'AES-256-CBC',
        'locale' => 'en', 'fallback_locale' => 'en', 'aliases' => [], 'providers' => [
            Illuminate\Cookie\CookieServiceProvider::class, Illuminate\Encryption\EncryptionServiceProvider::class,
            Illuminate\Filesystem\FilesystemServiceProvider::class, Illuminate\Session\SessionServiceProvider::class,
            Illuminate\Translation\TranslationServiceProvider::class, Illuminate\View\ViewServiceProvider::class,
        ],
    ],
    'session' => [
        'driver' => 'file', 'lifetime' => 120, 'expire_on_close' => false, 'encrypt' => false, 'files' => "$base/storage/framework/sessions",
        'lottery' => [0, 100], 'cookie' => 'laravel_session', 'path' => '/', 'domain' => null, 'secure' => null, 'http_only' => true,
        'same_site' => 'lax',
    ],
    'view' => ['paths' => ["$base/views"], 'compiled' => "$base/storage/framework/views"],
    'logging' => ['default' => 'stderr', 'channels' => ['stderr' => ['driver' => 'errorlog', 'level' => 'error']]],
]));
$app['env'] = 'production';
$app->singleton(Illuminate\Contracts\Http\Kernel::class, FormKernel::class);
$app->singleton(Illuminate\Contracts\Debug\ExceptionHandler::class, Illuminate\Foundation\Exceptions\Handler::class);

$router = $app['router'];
$router->get('/alive', fn () => 'yes');
$router->get('/numbers', function (Request $request) { // of the test
    if ($request->has('breaks')) {
        file_put_contents(getenv('BASE') . '/breaks', $request->query('breaks'));
    }
    return counted('pages', 0) . ' ' . counted('tokens', 0);
});
$router->middleware('web')->group(function ($router) {
    $router->get('/form/{name?}', function (Request $request) {
        usleep((int) ((float) $request->query('sleep', 0) * 1e6));
        return view('form', ['number' => counted('pages')]);
    });
    // What config/laravel.ini asks for as token_path.
    $router->get('/csrf-token', function () {
        counted('tokens');
        $breaks = (int) @file_get_contents(getenv('BASE') . '/breaks');
        return $breaks ? response('', $breaks) : response()->json(['token' => csrf_token()]);
    });
    $router->post('/save', function (Request $request) {
        $request->session()->increment('saved');
        return 'saved ' . $request->session()->get('saved');
    });
    $router->delete('/remove', fn () => 'removed');
});

$kernel = $app->make(Illuminate\Contracts\Http\Kernel::class);
$response = $kernel->handle($request = Request::capture());
$response->send();
$kernel->terminate($request, $response);
