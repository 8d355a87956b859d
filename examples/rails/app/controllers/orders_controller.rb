# frozen_string_literal: true

# The shop's pages.
class OrdersController < ApplicationController
  before_action :require_customer, only: :create

  def index
    @orders = Order.order(:id).limit(12)
    @turnover = Order.turnover
  end

  def show
    @order = Order.find(params[:id])
  end

  def create
    ReceiptJob.perform_later(params[:customer])
    redirect_to orders_path
  end

  def slow
    render plain: Order.slow_report
  end

  private

  def require_customer
    head :bad_request unless params[:customer]
  end
end
