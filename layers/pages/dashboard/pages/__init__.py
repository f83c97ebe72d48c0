"""The pages of the dashboard, one module for each area. `dashboard.routes` has their routes."""
