"""What tables Dataverse shows and how their columns follow from the store's objects, as data; `tables` joins them."""
