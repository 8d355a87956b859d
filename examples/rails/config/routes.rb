# frozen_string_literal: true

Rails.application.routes.draw do
  root 'orders#index'
  resources :orders, only: %i[index show create] do
    get :slow, on: :collection
  end
end
