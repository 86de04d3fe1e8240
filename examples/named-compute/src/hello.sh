echo "on a node of pool $AZ_BATCH_POOL_ID"
echo trained > outputs/model.txt
