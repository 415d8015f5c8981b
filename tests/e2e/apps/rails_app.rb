# Rails with its protection from forgery and a form: what `rails new` gives, in one file and without a database. The session is in
# Rails' encrypted cookie, forms have tokens of their own (per_form_csrf_tokens).
#   ruby rails_app.rb PORT
require "action_controller/railtie"
require "tmpdir"
require "rack/handler/webrick"

ENV["RAILS_ENV"] = "production"

class FormApp < Rails::Application
  config.load_defaults 6.1
  config.root = Dir.mktmpdir
  config.eager_load = false
  config.secret_key_base = "only for tests" * 4
  config.session_store :cookie_store, key: "_form_session"
  config.logger = Logger.new($stderr, level: :warn)
  config.consider_all_requests_local = false
end

$lock = Mutex.new
$numbers = Hash.new(0)
$breaks = nil

def count(name)
  $lock.synchronize { $numbers[name] += 1 }
end

class PagesController < ActionController::Base
  protect_from_forgery with: :exception

  FORM = <<~ERB
    <!doctype html><html><head><title>Form</title><%= csrf_meta_tags %></head><body>
    <p>rendering <%= @number %></p>
    <%= form_with(url: "/save", local: true) do |f| %><%= f.text_field :text %><%= f.submit "Save" %><% end %>
    <%= form_with(url: "/remove", method: :delete, local: true) do |f| %><%= f.submit "Remove" %><% end %>
    </body></html>
  ERB

  def alive
    render plain: "yes"
  end

  def form
    @number = count(:pages)
    sleep params[:sleep].to_f
    render inline: FORM
  end

  # What config/rails.ini asks for as token_path.
  def token
    number = count(:tokens)
    sleep params[:sleep].to_f
    return head($breaks) if $breaks
    if number.even? # either way is right
      render json: { token: form_authenticity_token }
    else
      render plain: form_authenticity_token
    end
  end

  def save
    session[:saved] = session[:saved].to_i + 1
    render plain: "saved #{session[:saved]}"
  end

  def remove
    render plain: "removed"
  end

  # Of the test: how often what was asked for; and what token_path is to answer.
  def numbers
    $breaks = params[:breaks].presence&.to_i if params.key?(:breaks)
    render plain: "#{$numbers[:pages]} #{$numbers[:tokens]}"
  end
end

FormApp.initialize!
FormApp.routes.draw do
  get "/alive", to: "pages#alive"
  get "/form(/:name)", to: "pages#form"
  get "/csrf-token", to: "pages#token"
  post "/save", to: "pages#save"
  delete "/remove", to: "pages#remove"
  get "/numbers", to: "pages#numbers"
end

Rack::Handler::WEBrick.run(FormApp, Host: "127.0.0.1", Port: ARGV.fetch(0).to_i, AccessLog: [],
                           Logger: WEBrick::Log.new($stderr, WEBrick::Log::WARN))
