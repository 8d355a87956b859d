# frozen_string_literal: true

# Sends a receipt, if only to the log.
class ReceiptJob < ActiveJob::Base
  queue_as :receipts

  def perform(customer)
    logger.info("a receipt for #{customer}")
  end
end
