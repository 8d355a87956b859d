# frozen_string_literal: true

class ReceiptJob < ActiveJob::Base
  queue_as :receipts

  def perform(customer)
    logger.info("a receipt for #{customer}")
  end
end
