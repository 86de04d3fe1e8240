// A budget on the resource group: it warns, it stops nothing. RETRAIN_MAX_NODE_HOURS_A_DAY stops.
param token string
param amount int
param start string
param emails array

resource budget 'Microsoft.Consumption/budgets@2023-11-01' = {
  name: 'budget-retrain-${token}'
  properties: {
    category: 'Cost'
    amount: amount
    timeGrain: 'Monthly'
    timePeriod: { startDate: start }
    notifications: {
      nearly: {
        enabled: true
        operator: 'GreaterThanOrEqualTo'
        threshold: 80
        thresholdType: 'Forecasted'
        contactEmails: emails
        contactRoles: ['Owner']
      }
      reached: {
        enabled: true
        operator: 'GreaterThanOrEqualTo'
        threshold: 100
        thresholdType: 'Actual'
        contactEmails: emails
        contactRoles: ['Owner']
      }
    }
  }
}
